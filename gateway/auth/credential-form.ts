import { hash } from 'node:crypto'
import type { Caller } from '#routes/messages.ts'
import type { CredentialKind } from '#routes/policy.ts'
import { callerOf } from './caller.ts'

/** How a store of this site writes one kind of credential. Users have such data already, so all of it is configuration. */
export interface CredentialForm {
  readonly kind: Exclude<CredentialKind, 'jwt'>
  /** `token:{token}`, `apikey:{key}` */
  readonly key: string
  readonly hash: 'sha256' | 'none'
  readonly form: 'json' | 'hash' | 'string'
  readonly fields: FieldNames
  /** Of everyone whose entry says none. */
  readonly scopes: readonly string[]
}

export interface FieldNames {
  readonly consumer: string
  readonly scopes: string
  readonly expiresAt: string
  readonly unit: 'ms' | 's'
}

/** The key under which the store holds a credential. */
export function keyOf({ key, hash: hashing }: CredentialForm, credential: string): string {
  const written = hashing === 'sha256' ? hash('sha256', credential, 'hex') : credential
  // A function, since `$&` in a token would be a pattern to `replace`.
  return key.replace(/\{(?:token|key)\}/, () => written)
}

/** What a memory of this process calls that key: never the credential itself, so that a dump lets nobody in. */
export function nameOf({ hash: hashing }: CredentialForm, key: string): string {
  return hashing === 'sha256' ? key : hash('sha256', key, 'base64url')
}

/** The caller that the store's value means; undefined for anything malformed or expired: better nobody than a wrong one. */
export function readCaller(form: CredentialForm, value: unknown, now: number): Caller | undefined {
  if (value === null || value === undefined) return undefined
  const { kind, fields } = form
  switch (form.form) {
    case 'string':
      return callerOf({ consumer: value, scopes: form.scopes, by: kind }, now)
    case 'hash': {
      const [consumer, scopes, expiresAt] = value as readonly (string | null)[]
      return callerOf({ consumer, ...common(form, scopes, expiresAt) }, now)
    }
    case 'json': {
      const entry = parsed(value)
      if (entry === undefined) return undefined
      return callerOf(
        { consumer: entry[fields.consumer], ...common(form, entry[fields.scopes], entry[fields.expiresAt]) },
        now,
      )
    }
  }
}

/** Fields of a hash, in the order in which `readCaller` takes their values. */
export function fieldList({ fields }: CredentialForm): [string, string, string] {
  return [fields.consumer, fields.scopes, fields.expiresAt]
}

function common(form: CredentialForm, scopes: unknown, expiresAt: unknown) {
  const { kind, fields } = form
  return {
    by: kind,
    scopes: scopesOf(scopes) ?? form.scopes,
    expiresAt: expiryOf(expiresAt, fields.unit),
  }
}

/** A list, or a text parted as OAuth (spaces) and older data (commas) do. What is neither stays, and is refused as a caller. */
export function scopesOf(value: unknown): unknown {
  if (value === undefined || value === null) return undefined
  return typeof value === 'string' ? value.split(/[\s,]+/).filter((scope) => scope !== '') : value
}

/** An end that is there but is no number means an entry that nobody can read: NaN, which no moment is before. */
function expiryOf(value: unknown, unit: 'ms' | 's'): number | undefined {
  if (value === undefined || value === null || value === '') return undefined
  const end = typeof value === 'string' ? Number(value) : value
  return typeof end === 'number' ? end * (unit === 's' ? 1_000 : 1) : Number.NaN
}

function parsed(text: unknown): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(String(text))
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {
    // Not our form: nobody can say who that is, so nobody is let in by it.
  }
  return undefined
}
