import { Help, type Command, type HelpConfiguration } from 'commander'

/** Longer flags have their description below them, so that all others keep room for theirs in a narrow terminal. */
const WIDEST_FLAG = 30

const lines = new Help()

/** How the help of commands is laid out: for 80 columns and more. */
export const helpLayout: HelpConfiguration = {
  padWidth: (command: Command, help: Help) => Math.min(lines.padWidth(command, help), WIDEST_FLAG),
  formatItem(this: Help, term: string, termWidth: number, description: string, help: Help): string {
    const format = (head: string): string => Help.prototype.formatItem.call(this, head, termWidth, description, help)
    if (help.displayWidth(term) <= termWidth) return format(term)
    return `  ${term}\n${format('')}`
  },
  minWidthToWrap: 20,
}
