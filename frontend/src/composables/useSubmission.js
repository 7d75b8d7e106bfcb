// Submits a form: tracks whether a request is running and keeps its error.
import { reactive } from "vue";

export function useSubmission() {
  const submission = reactive({
    isRunning: false,
    /** By field. */
    errors: {},
    /** An error that concerns no field. */
    message: "",
  });

  async function submit(action) {
    Object.assign(submission, { isRunning: true, errors: {}, message: "" });
    try {
      await action();
    } catch (error) {
      submission.errors = error.fields ?? {};
      if (!Object.keys(submission.errors).length) submission.message = error.message;
    } finally {
      submission.isRunning = false;
    }
  }

  return { submission, submit };
}
