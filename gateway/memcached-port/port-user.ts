import { hash, timingSafeEqual } from 'node:crypto'

export type PortVerb = 'read' | 'write' | 'delete' | 'admin'

/** Who uses a connection. */
export interface PortUser {
  /** Empty: nobody had to say. */
  readonly name: string
  readonly namespace: string
  readonly verbs: readonly PortVerb[]
}

/** A user as the configuration has it. */
export interface KnownUser extends PortUser {
  /** Of its password. */
  readonly sha256: string
}

/** Whom `<user> <password>` names; anything behind a second space is passed over, as memcached does. */
export function authenticate(credentials: string, users: readonly KnownUser[]): KnownUser | undefined {
  const [name = '', password = ''] = credentials.split(' ').filter((word) => word !== '')
  const given = hash('sha256', password, 'buffer')
  let found: KnownUser | undefined
  // All of them are compared, in constant time: neither a name nor how far a password agrees can be measured.
  for (const user of users) {
    const known = Buffer.from(user.sha256, 'hex')
    const agrees = known.length === given.length && timingSafeEqual(known, given)
    if (agrees && user.name === name) found = user
  }
  return password === '' ? undefined : found
}
