import type { Command } from './command.ts'
import type { PortUser, PortVerb } from './port-user.ts'

/** What begins so is no key but a question to the gateway (rule P7). */
export const adminPrefix = '__tidegate__.'

/** Whether a user may do this. Questions are for admins, and can only be asked. */
export function isAllowed(command: Command, { verbs }: PortUser): boolean {
  if (touchesAdminKey(command)) {
    if (command.kind !== 'get' || command.seconds !== undefined || !verbs.includes('admin')) return false
    // Beside its questions it may name keys like any other.
    return verbs.includes('read') || command.keys.every(isAdminKey)
  }
  const needed = verbsOf(command)
  return needed.every((verb) => verbs.includes(verb))
}

const isAdminKey = (key: string): boolean => key.startsWith(adminPrefix)

function touchesAdminKey(command: Command): boolean {
  if (command.kind === 'get') return command.keys.some(isAdminKey)
  return 'key' in command && isAdminKey(command.key)
}

function verbsOf(command: Command): readonly PortVerb[] {
  switch (command.kind) {
    case 'get':
      return command.seconds === undefined ? read : readAndWrite
    case 'me':
      return read
    case 'mg': {
      const { ttl, vivify, recache } = command.flags
      return ttl === undefined && vivify === undefined && recache === undefined ? read : readAndWrite
    }
    case 'store':
    case 'touch':
    case 'count':
    case 'ms':
    case 'ma':
    case 'too-large':
      return write
    case 'delete':
    case 'md':
    case 'flush':
      return remove
    default:
      return none
  }
}

const none: readonly PortVerb[] = []
const read: readonly PortVerb[] = ['read']
const write: readonly PortVerb[] = ['write']
const readAndWrite: readonly PortVerb[] = ['read', 'write']
const remove: readonly PortVerb[] = ['delete']
