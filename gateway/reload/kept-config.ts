import { dirname, join, resolve } from 'node:path'
import { Problem } from '#routes/problem.ts'
import { readConfigText } from '#server-kit/config.ts'
import { readKeptFile } from '#server-kit/kept-file.ts'
import { writeSecretFile } from '#server-kit/secret.ts'
import { checkGatewayConfig, type Environment, type GatewayConfig } from '../config.ts'

/** What a process starts with. */
export interface StartConfig {
  readonly config: GatewayConfig
  /** As written, `${NAME}` not replaced. */
  readonly text: string
  /** Why it is the kept one and not the file; undefined = it is the file. */
  readonly fault: Problem | undefined
}

const limitBytes = 1024 * 1024

/**
 * The file, or, when it is broken, the last one that served: a typing error must not turn a restart into an outage. Throws
 * the file's own fault when nothing was kept. The folder is found by the file's line `home:`, even in a broken file.
 */
export async function startConfig(file: string, env: Environment): Promise<StartConfig> {
  const text = readConfigText(file)
  try {
    return { config: checkGatewayConfig(file, text, env), text, fault: undefined }
  } catch (fault) {
    const home = homeIn(text, env)
    if (!(fault instanceof Problem) || home === undefined) throw fault
    const path = keptPath(resolve(dirname(resolve(file)), home))
    const kept = await readKeptFile(path, limitBytes)
    if (kept === undefined) throw fault
    return { config: checkedKept(file, kept, env, fault), text: kept, fault }
  }
}

/** Written for its owner only: a configuration may hold what is secret, though it should name where that is. */
export async function keepConfig({ yaml, path }: GatewayConfig, text: string): Promise<void> {
  await writeSecretFile(keptPath(path(yaml.home)), text)
}

function keptPath(home: string): string {
  return join(home, 'config.kept.yaml')
}

/** One that does not hold any more, as after a new release, changes nothing: the file's fault is what is to be mended. */
function checkedKept(file: string, text: string, env: Environment, fault: Problem): GatewayConfig {
  try {
    return checkGatewayConfig(file, text, env)
  } catch (cause) {
    throw cause instanceof Problem ? fault : cause
  }
}

/** The value of the top-level line `home:`, when it is a plain or quoted text. */
export function homeIn(text: string, env: Environment): string | undefined {
  const [, value = ''] = /^home:[ \t]+(\S.*?)[ \t]*(?:[ \t]#.*)?$/m.exec(text) ?? []
  const plain = /^(?:"([^"\\]+)"|'([^']+)'|([^"'[{&*!|>%@`].*))$/.exec(value)
  const home = plain?.[1] ?? plain?.[2] ?? plain?.[3]
  return home?.replace(
    /\$\{([A-Z][A-Z0-9_]*)(?::-([^}]*))?\}/g,
    (_, name: string, fallback = '') => env[name] ?? fallback,
  )
}
