import type { GatewayYaml } from '../config.ts'
import { bytes, ms } from '../config-parts.ts'
import { valueLimitBytes } from '../store/cache-store.ts'
import type { KnownUser, PortUser } from './port-user.ts'

export type PortYaml = GatewayYaml['cache']['ports'][number]

/** What a port goes by; another object after each reload. */
export interface PortSettings {
  readonly users: readonly KnownUser[]
  /** Whoever need not say who it is; undefined: everybody must. */
  readonly anybody: PortUser | undefined
  readonly mayFlush: boolean
  readonly maxConnections: number
  readonly idleMs: number
  /** No larger than what a zone takes. */
  readonly valueLimitBytes: number
}

export function portSettings(yaml: PortYaml): PortSettings {
  const { users, namespace, verbs, flushAll, maxConnections, idle, valueLimit } = yaml
  return {
    users,
    anybody: users.length > 0 || namespace === undefined ? undefined : { name: '', namespace, verbs },
    mayFlush: flushAll === 'namespace',
    maxConnections,
    idleMs: ms(idle),
    valueLimitBytes: Math.min(bytes(valueLimit), valueLimitBytes),
  }
}
