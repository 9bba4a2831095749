/** A configuration file to a checked value, or every fault of it at once. */
import { readFileSync, statSync } from 'node:fs'
import type { Static, TSchema } from 'typebox'
import { checkDocument, printFault } from '#routes/document.ts'
import { problems } from './errors.ts'

const limitBytes = 1024 * 1024

/**
 * Reads a YAML or JSON file of at most 1 MiB. `${NAME}` and `${NAME:-default}` are replaced from `env`;
 * `${env:NAME}` and `${file:/path}` are secrets and stay, for `readSecret`. Throws `config-unreadable` or `config-invalid`.
 */
export function readConfig<S extends TSchema>(
  file: string,
  schema: S,
  env: Readonly<Record<string, string | undefined>>,
): Static<S> {
  return checkConfig(file, readConfigText(file), schema, env)
}

/** The same for a text at hand; `file` is its name in what is told. Throws `config-invalid`. */
export function checkConfig<S extends TSchema>(
  file: string,
  written: string,
  schema: S,
  env: Readonly<Record<string, string | undefined>>,
): Static<S> {
  const { text, missing } = substitute(written, env)
  const checked = checkDocument({ file, text, schema })
  const faults = checked.ok ? [] : checked.faults.map(printFault)
  const all = [
    ...missing.map(({ line, name }) => `${file}:${line} the variable ${name} is not set and has no default`),
    ...faults,
  ]
  if (!checked.ok || all.length > 0) throw problems['config-invalid']({ file, faults: all.join('\n') })
  return checked.value
}

/** As it is written, nothing replaced. Throws `config-unreadable`. */
export function readConfigText(file: string): string {
  try {
    const { size } = statSync(file)
    if (size > limitBytes) throw problems['config-unreadable']({ file, reason: `it has ${size} bytes`, limitBytes })
    return readFileSync(file, 'utf8')
  } catch (cause) {
    if (cause instanceof Error && cause.name === 'Problem') throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw problems['config-unreadable']({ file, reason, limitBytes, cause })
  }
}

const variable = /\$\{([A-Z][A-Z0-9_]*)(?::-([^}]*))?\}/g

/** Line by line, so that faults keep their line; comments are left alone. */
function substitute(text: string, env: Readonly<Record<string, string | undefined>>) {
  const missing: { line: number; name: string }[] = []
  const lines = text.split('\n').map((line, index) => {
    if (line.trimStart().startsWith('#')) return line
    return line.replace(variable, (whole, name: string, fallback: string | undefined) => {
      const value = env[name] ?? fallback
      if (value === undefined) missing.push({ line: index + 1, name })
      // A line break in a value would begin a new key; as a space it stays a value.
      return value?.replace(/[\r\n]+/g, ' ') ?? whole
    })
  })
  return { text: lines.join('\n'), missing }
}
