import { createApp, h, nextTick } from "vue";
import { describe, expect, it, vi } from "vitest";
import AccountForm from "../src/components/AccountForm.vue";
import { useSubmission } from "../src/composables/useSubmission.js";

const reject = (message, more) => () => Promise.reject(Object.assign(new Error(message), more));

describe("a submission", () => {
  it("keeps the errors of the fields, or else the message, until the next one", async () => {
    const { submission, submit } = useSubmission();
    await submit(reject("invalid", { fields: { email: "Enter an email address." } }));
    expect(submission).toMatchObject({ errors: { email: "Enter an email address." }, message: "" });
    await submit(reject("unavailable"));
    expect(submission).toMatchObject({ errors: {}, message: "unavailable" });
    await submit(async () => {});
    expect(submission).toEqual({ isRunning: false, errors: {}, message: "" });
  });

  it("is running until its action ends, even if it fails", async () => {
    const { submission, submit } = useSubmission();
    const submitting = submit(reject("unavailable"));
    expect(submission.isRunning).toBe(true);
    await submitting;
    expect(submission.isRunning).toBe(false);
  });
});

describe("an account form", () => {
  it("submits the values of its fields, and nothing more until it is done", async () => {
    const { submission, submit } = useSubmission();
    let finish;
    const action = vi.fn(() => new Promise((resolve) => (finish = resolve)));
    const fields = ["email", "password"].map((key) => ({ key, label: key, type: key }));
    const labels = { title: "Log in", runningLabel: "Logging in…" };
    const onSubmit = (values) => submit(() => action(values));
    const app = createApp({
      render: () => h(AccountForm, { ...labels, fields, submission, onSubmit }),
    });
    const root = document.createElement("div");
    app.mount(root);
    const email = root.querySelector("[name=email]");
    email.value = "a@test.example";
    email.dispatchEvent(new Event("input"));
    root.querySelector("form").dispatchEvent(new Event("submit"));
    await nextTick();
    expect(action).toHaveBeenCalledWith({ email: "a@test.example", password: "" });
    const button = root.querySelector("button");
    // A button that is disabled would lose the focus.
    expect(button.disabled).toBe(false);
    expect([button.ariaDisabled, button.textContent.trim()]).toEqual(["true", "Logging in…"]);
    root.querySelector("form").dispatchEvent(new Event("submit"));
    finish();
    await vi.waitFor(() => expect(button.ariaDisabled).toBe("false"), 30_000);
    expect(action).toHaveBeenCalledTimes(1);
    expect(button.textContent.trim()).toBe("Log in");
    app.unmount();
  });
});
