import { Help, type Command, type HelpConfiguration } from 'commander'

/** Longer flags have their description on the next line, which leaves room for the other descriptions in a narrow terminal. */
const WIDEST_FLAG = 30

const lines = new Help()

/** The layout of the help of commands, for 80 columns and more. */
export const helpLayout: HelpConfiguration = {
  padWidth: (command: Command, help: Help) => Math.min(lines.padWidth(command, help), WIDEST_FLAG),
  formatItem(this: Help, term: string, termWidth: number, description: string, help: Help): string {
    const format = (head: string): string => Help.prototype.formatItem.call(this, head, termWidth, description, help)
    if (help.displayWidth(term) <= termWidth) return format(term)
    return `  ${term}\n${format('')}`
  },
  minWidthToWrap: 20,
}
