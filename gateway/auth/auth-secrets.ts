import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Log } from '#server-kit/log.ts'
import { readSecret } from '#server-kit/secret.ts'
import { problems } from '../errors.ts'
import type { IdentityConfig, TokensConfig } from './auth-config.ts'

/** What the configuration of auth only names: read anew for each generation of it, so that a changed file counts. */
export interface AuthSecrets {
  readonly password: string | undefined
  readonly sentinelPassword: string | undefined
  /** PEM of the authority that signed the certificate of Redis. */
  readonly ca: string | undefined
  readonly identityKeys: readonly { readonly path: string; readonly pem: string }[]
  /** Another one when any of them has changed. */
  readonly digest: string
}

export interface AuthSecretsOptions {
  readonly tokens: TokensConfig
  readonly identity: IdentityConfig
  readonly path: (relative: string) => string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly log: Log
}

/** Throws what reading a secret throws, or `key-file-invalid`. */
export function readAuthSecrets({ tokens, identity, path, env, log }: AuthSecretsOptions): AuthSecrets {
  const read = (reference: string) =>
    readSecret(reference, env, { warn: (problem) => log.warn({ err: problem }, 'a secret file is open to others') })
  const optional = (reference: string | undefined) => (reference === undefined ? undefined : read(reference))
  const secrets = {
    password: optional(tokens.password),
    sentinelPassword: optional(tokens.sentinels?.password),
    ca: tokens.ca === undefined ? undefined : readCertificate(path(tokens.ca)),
    identityKeys: identity.keys.map((file) => ({ path: path(file), pem: read(`\${file:${path(file)}}`) })),
  }
  return { ...secrets, digest: createHash('sha256').update(JSON.stringify(secrets)).digest('base64url') }
}

function readCertificate(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw problems['key-file-invalid']({ path, purpose: 'the authority of Redis', because: 'it cannot be read', cause })
  }
}
