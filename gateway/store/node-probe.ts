import { type Answer, metaNoop } from './meta-protocol.ts'

/** What a node told of itself when we connected. What it can do is tried, never read from its version. */
export interface NodeFacts {
  readonly itemSizeMax: number
  readonly uptimeSeconds: number
  readonly version: string
  /** A set answers with the cas of what it stored. */
  readonly tellsCas: boolean
  /** A set may bring the number that becomes the cas. */
  readonly takesCas: boolean
}

/** A node that answers, and yet cannot be used; the text is the fix. */
export type Refusal = keyof typeof refusals

export const refusals = {
  'no-meta': 'it has no meta commands: it needs memcached 1.6 or newer, or the driver memjs for its zone',
  unauthenticated: 'it asks who we are: its zone needs user and passwordFrom',
  'wrong-password': 'it does not accept the user and password of its zone',
} as const

export interface NodeLogin {
  readonly user: string
  readonly password: string
}

/** Gone a second after it was written; no item of ours has a key without a slash. */
const scratchKey = '~tidegate-probe'
const told = new Set(['item_size_max', 'uptime', 'version'])

/** One conversation at the beginning of each connection, sent as one piece: who we are, and what the node is and can do. */
export class NodeProbe {
  readonly request: string
  readonly #stats = new Map<string, string>()
  #loggingIn: boolean
  #hasMeta = false
  #tellsCas = false
  #takesCas = false

  constructor(login: NodeLogin | undefined) {
    this.#loggingIn = login !== undefined
    this.request = [
      login === undefined ? '' : loginCommand(login),
      'stats settings\r\nstats\r\n',
      `ms ${scratchKey} 0 T1 c O1\r\n\r\n`,
      `ms ${scratchKey} 0 T1 E1 O2\r\n\r\n`,
      `md ${scratchKey} O3\r\n`,
      metaNoop,
    ].join('')
  }

  /** Undefined: more is to come. */
  take({ code, opaque, cas, text }: Answer): NodeFacts | Refusal | undefined {
    if (this.#loggingIn) {
      this.#loggingIn = false
      return code === 'STORED' ? undefined : 'wrong-password'
    }
    if (code === 'STAT') {
      const [name = '', value = ''] = text.split(' ', 2)
      if (told.has(name)) this.#stats.set(name, value)
      return undefined
    }
    if (code === 'MN') return this.#facts()
    if (code === 'CLIENT_ERROR' && text === 'unauthenticated') return 'unauthenticated'
    // Whoever does not know `ms` says only ERROR; a flag that is not known is another error, perhaps with its body as a second.
    if (code === 'ERROR') return this.#hasMeta ? undefined : 'no-meta'
    if (code !== 'END') this.#hasMeta = true
    if (code === 'HD' && opaque === 1) this.#tellsCas = cas !== ''
    if (code === 'HD' && opaque === 2) this.#takesCas = true
    return undefined
  }

  #facts(): NodeFacts {
    return {
      itemSizeMax: Number(this.#stats.get('item_size_max') ?? 1024 * 1024),
      uptimeSeconds: Number(this.#stats.get('uptime') ?? 0),
      version: this.#stats.get('version') ?? 'unknown',
      tellsCas: this.#tellsCas,
      takesCas: this.#takesCas,
    }
  }
}

/** Memcached's ASCII authentication: a set whatever its key, with user and password as its value. */
function loginCommand({ user, password }: NodeLogin): string {
  const body = Buffer.from(`${user} ${password}`)
  return `set auth 0 0 ${body.length}\r\n${body.toString('latin1')}\r\n`
}
