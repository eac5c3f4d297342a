/** Work of the framework that waits in the mailbox of a consumer, between its events. */
export abstract class MailboxTask {
  /** Called by the mailbox, once per entry. */
  abstract handle(): void | PromiseLike<void>
}
