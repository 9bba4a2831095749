import type { Command } from './command.ts'

/** What stands on the wire: text of one character a byte, and values between. Empty: nothing is said. */
export type Answer = string | readonly (string | Buffer)[]

/** How a command ended, for counting. `miss`: what it depends on was not so. `failed`: no zone in time. */
export const commandResults = ['done', 'miss', 'refused', 'failed'] as const
export type CommandResult = (typeof commandResults)[number]

export const zoneUnavailable = 'SERVER_ERROR zone unavailable\r\n'
export const notDurable = 'SERVER_ERROR invalidation not durable\r\n'
export const notAllowed = 'CLIENT_ERROR not allowed\r\n'

/** Told from the answer, before anything of it is left out. */
export function resultOf(answer: Answer): CommandResult {
  const text = typeof answer === 'string' ? answer : (answer[0] as string)
  if (text === '') return 'miss'
  switch (text.charCodeAt(0)) {
    case 83: // S
      return text.startsWith('SERVER_ERROR') ? 'failed' : 'done'
    case 67: // C
      return 'refused'
    case 69: // E: ERROR, but also END, EN and EX
      return text.startsWith('ERROR') ? 'refused' : 'miss'
    case 78: // N
      return 'miss'
    default:
      return 'done'
  }
}

/** Whether the client wants to hear it: `noreply` wants nothing at all, `q` not what is to be expected. */
export function isWanted(command: Command, answer: Answer): boolean {
  switch (command.kind) {
    case 'store':
    case 'touch':
    case 'count':
    case 'delete':
    case 'flush':
      return !command.quiet
    case 'mg':
      return !command.flags.quiet || !isCode(answer, 'EN')
    case 'ms':
    case 'md':
      return !command.flags.quiet || !isCode(answer, 'HD')
    case 'ma':
      return !command.flags.quiet || !(isCode(answer, 'HD') || isCode(answer, 'VA'))
    default:
      return true
  }
}

const isCode = (answer: Answer, code: string): boolean =>
  (typeof answer === 'string' ? answer : (answer[0] as string)).startsWith(code)
