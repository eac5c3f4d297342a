/** Thrown for an unknown command. The message lists the commands. */
export class UsageError extends Error {}
