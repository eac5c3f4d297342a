import type { Logger } from 'tideway/asgi'

/** Keeps what it is told. */
export class TaskLogger implements Logger {
  readonly lines: { readonly level: string; readonly details: object; readonly message: string }[] = []

  debug(details: object, message: string): void {
    this.lines.push({ level: 'debug', details, message })
  }
  info(details: object, message: string): void {
    this.lines.push({ level: 'info', details, message })
  }
  warn(details: object, message: string): void {
    this.lines.push({ level: 'warn', details, message })
  }
  error(details: object, message: string): void {
    this.lines.push({ level: 'error', details, message })
  }

  /** The messages of the level. */
  of(level: string): string[] {
    return this.lines.filter((line) => line.level === level).map(({ message }) => message)
  }
}
