import type { Logger } from 'tideway/asgi'

/** One line of a log. */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly message: string
  readonly details: object
}

/** A logger that keeps what it is told. */
export class RecordingLogger implements Logger {
  readonly lines: LogLine[] = []

  debug(details: object, message: string): void {
    this.lines.push({ level: 'debug', message, details })
  }

  info(details: object, message: string): void {
    this.lines.push({ level: 'info', message, details })
  }

  warn(details: object, message: string): void {
    this.lines.push({ level: 'warn', message, details })
  }

  error(details: object, message: string): void {
    this.lines.push({ level: 'error', message, details })
  }

  /** What was said at this level. */
  messages(level: LogLine['level']): string[] {
    return this.lines.filter((line) => line.level === level).map(({ message }) => message)
  }

  /** The lines at the levels of warnings and errors. */
  get complaints(): LogLine[] {
    return this.lines.filter(({ level }) => level === 'warn' || level === 'error')
  }

  /** The errors that were reported. */
  get errors(): unknown[] {
    return this.lines.filter(({ level }) => level === 'error').map(({ details }) => (details as { err: unknown }).err)
  }
}
