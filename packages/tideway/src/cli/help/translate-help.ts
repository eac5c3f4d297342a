import { Help, type AddHelpTextContext, type Command, type HelpConfiguration } from 'commander'

/** The texts of one command in another language. */
export interface CommandTexts {
  /** Its line in the list of commands. @default its description */
  readonly summary?: string
  readonly description: string
  /** By the name of the argument. */
  readonly arguments?: Readonly<Record<string, string>>
  /** By the long flag, without the default, which the help adds. */
  readonly options?: Readonly<Record<string, string>>
  /** What follows the flags, such as examples. */
  readonly footer?: string
}

/** The help of all commands in another language. A test requires a text for each command, argument, flag, heading and footer. */
export interface HelpTexts {
  /** By the name of the command. */
  readonly commands: Readonly<Record<string, CommandTexts>>
  /** By the English heading, such as `Options:`. */
  readonly headings: Readonly<Record<string, string>>
  /** The words in the parentheses after a description: `default:`, `choices:` and so on. */
  readonly notes: Readonly<Record<string, string>>
  /** The descriptions of the flag `--help` and of the command `help`. */
  readonly help: string
}

/** Letters of two columns in a terminal. */
const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/g
/** The parentheses at the end of a description. */
const NOTE = / \((?:default|choices|env): .*\)$/

const footers = new WeakMap<Command, string>()

/** The last part of a help, for `addHelpText('after', …)`: the English text, unless {@link translateHelp} has set another. */
export function translatable(english: string): (context: AddHelpTextContext) => string {
  return ({ command }) => footers.get(command) ?? english
}

/** How many columns a text has in a terminal. */
export function columnsOf(text: string): number {
  return text.length + (text.match(WIDE)?.length ?? 0)
}

/** Replaces the English texts in the help of a command and of its subcommands. Errors stay English. */
export function translateHelp(command: Command, texts: HelpTexts): void {
  const own = texts.commands[command.name()]
  if (own !== undefined) {
    command.description(own.description)
    if (own.summary !== undefined) command.summary(own.summary)
    if (own.footer !== undefined) footers.set(command, own.footer)
    for (const argument of command.registeredArguments) {
      argument.description = withNote(own.arguments?.[argument.name()], argument.description, texts)
    }
    for (const option of command.options) {
      option.description = withNote(own.options?.[option.long ?? ''], option.description, texts)
    }
  }
  command.configureHelp({ ...command.configureHelp(), ...layoutOf(texts) })
  command.helpOption('-h, --help', texts.help)
  if (command.commands.length > 0) command.helpCommand('help [command]', texts.help)
  for (const each of command.commands) translateHelp(each, texts)
}

function layoutOf(texts: HelpTexts): HelpConfiguration {
  return {
    displayWidth: columnsOf,
    styleTitle: (title) => texts.headings[title] ?? title,
    optionDescription(this: Help, option) {
      const text = Help.prototype.optionDescription.call(this, option)
      return option.description + noteOf(text.slice(option.description.length), texts)
    },
  }
}

/** A text with the note of the English one. */
function withNote(text: string | undefined, english: string, texts: HelpTexts): string {
  return text === undefined ? english : text + noteOf(NOTE.exec(english)?.[0] ?? '', texts)
}

function noteOf(english: string, { notes }: HelpTexts): string {
  return Object.entries(notes).reduce((note, [from, to]) => note.replace(from, to), english)
}
