/** Secrets come from the environment or from a file, never from a configuration text, and are written for their owner only. */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import type { Problem } from '#routes/problem.ts'
import { problems } from './errors.ts'
import { writeKeptFile } from './kept-file.ts'

type Environment = Readonly<Record<string, string | undefined>>

export interface SecretOptions {
  /** A literal value is taken as it is; for tests and the local demo only. */
  readonly allowLiteral?: boolean
  /** Told when a secret file may be read by others; the secret is used all the same. */
  readonly warn?: (problem: Problem) => void
}

const limitBytes = 64 * 1024
const reference = /^\$\{(env|file):([^}]+)\}$/

/** What `${env:NAME}` or `${file:/path}` stands for, without the line end of the file; empty is missing. */
export function readSecret(ref: string, env: Environment, options: SecretOptions = {}): string {
  const [, kind, name] = reference.exec(ref) ?? []
  if (name === undefined) {
    // The value is not among the facts: it may be the secret itself.
    if (options.allowLiteral === true && ref !== '' && !ref.startsWith('${')) return ref
    throw problems['secret-reference-invalid']()
  }
  const secret = kind === 'env' ? env[name] : readSecretFile(ref, name, options)
  if (secret === undefined || secret === '')
    throw problems['secret-missing']({ reference: ref, reason: 'it is empty or not set' })
  return secret
}

/** Writes `text` whole or not at all, readable by the owner only (mode 0600). */
export async function writeSecretFile(path: string, text: string): Promise<void> {
  await writeKeptFile(path, text, 0o600)
}

function readSecretFile(ref: string, path: string, options: SecretOptions): string {
  let file: number | undefined
  try {
    file = openSync(path, 'r')
    const { mode, size } = fstatSync(file)
    if (size > limitBytes)
      throw problems['secret-missing']({ reference: ref, reason: `its file is larger than ${limitBytes} bytes` })
    if ((mode & 0o077) !== 0) options.warn?.(problems['secret-file-open']({ path, mode: (mode & 0o777).toString(8) }))
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  } catch (cause) {
    if (cause instanceof Error && cause.name === 'Problem') throw cause
    throw problems['secret-missing']({
      reference: ref,
      reason: cause instanceof Error ? cause.message : String(cause),
      cause,
    })
  } finally {
    if (file !== undefined) closeSync(file)
  }
}
