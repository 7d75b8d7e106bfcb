// Submits a form: tracks whether a request is running and keeps its error. The buttons are not
// disabled meanwhile, because they would lose the focus; pressing them again does nothing.
import { reactive } from "vue";
import { focusFirstInvalid } from "../lib/focus.js";

/** @param form a ref of the form, whose first field with an error gets the focus */
export function useSubmission(form) {
  const submission = reactive({
    isRunning: false,
    /** By field. */
    errors: {},
    /** An error that concerns no field. */
    message: "",
  });

  async function submit(action) {
    if (submission.isRunning) return;
    Object.assign(submission, { isRunning: true, errors: {}, message: "" });
    try {
      await action();
    } catch (error) {
      submission.errors = error.fields ?? {};
      if (!Object.keys(submission.errors).length) submission.message = error.message;
    } finally {
      submission.isRunning = false;
    }
    if (Object.keys(submission.errors).length) await focusFirstInvalid(form?.value);
  }

  return { submission, submit };
}
