import type { AdminKeys } from './admin-keys.ts'
import { adminPrefix } from './allowed.ts'
import { type Answer, zoneUnavailable } from './answer.ts'
import type { Command, FlushCommand, GetCommand } from './command.ts'
import type { MetaCommands } from './meta-commands.ts'
import type { NamespaceFlushes } from './namespace-flushes.ts'
import type { PortSettings } from './port-settings.ts'
import type { PortStats } from './port-stats.ts'
import type { PortUser } from './port-user.ts'
import type { TextCommands } from './text-commands.ts'

export interface PortCommandsOptions {
  readonly text: TextCommands
  readonly meta: MetaCommands
  readonly flushes: NamespaceFlushes
  readonly stats: PortStats
  readonly admin: AdminKeys
}

/** Commands that ask somebody: what the parser has not answered by itself. */
export type AskingCommand = Exclude<Command, GetCommand | { readonly kind: 'said' | 'last' }>

/** Which answer a command has. Never rejects. */
export class PortCommands {
  readonly #options: PortCommandsOptions

  constructor(options: PortCommandsOptions) {
    this.#options = options
  }

  /** One key of a retrieval. */
  get(user: PortUser, { withUnique, seconds }: GetCommand, wire: string): Promise<Answer> {
    const { text, admin } = this.#options
    if (wire.startsWith(adminPrefix)) return admin.answer(user.namespace, wire)
    return seconds === undefined
      ? text.get(user.namespace, wire, withUnique)
      : text.getAndTouch(user.namespace, wire, withUnique, seconds)
  }

  run(user: PortUser, settings: PortSettings, command: AskingCommand): Promise<Answer> | Answer {
    const { text, meta, stats } = this.#options
    const { namespace } = user
    switch (command.kind) {
      case 'store':
        return text.store(namespace, command)
      case 'touch':
        return text.touch(namespace, command)
      case 'count':
        return text.count(namespace, command)
      case 'delete':
        return text.delete(namespace, command)
      case 'too-large':
        return text.tooLarge(namespace, command)
      case 'mg':
        return meta.get(namespace, command, user.verbs.includes('write'))
      case 'ms':
        return meta.set(namespace, command)
      case 'md':
        return meta.delete(namespace, command)
      case 'ma':
        return meta.count(namespace, command)
      case 'me':
        return meta.debug(namespace, command)
      case 'stats':
        return stats.answer(command.group, settings)
      case 'flush':
        return this.#flush(namespace, settings, command)
    }
  }

  async #flush(namespace: string, { mayFlush }: PortSettings, { seconds }: FlushCommand): Promise<Answer> {
    if (!mayFlush) return 'CLIENT_ERROR flush_all not allowed\r\n'
    return (await this.#options.flushes.flush(namespace, seconds)) ? 'OK\r\n' : zoneUnavailable
  }
}
