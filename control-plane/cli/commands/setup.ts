import { resolve } from 'node:path'
import { inContainers, onLoopback } from '../local/addresses.ts'
import { defaultBase, portsAt, wantedBase } from '../local/ports.ts'
import { writeSetup } from '../local/setup.ts'
import { json } from '../print.ts'
import { root } from '../root.ts'
import type { LocalOptions, Surroundings } from '../session.ts'

/** `tidegate setup DIR`: the first container of docker-compose.yml runs it. */
export async function setup(
  { env, folder, out }: Surroundings,
  [dir = '.']: readonly string[],
  { loopback, output }: LocalOptions & { loopback?: true },
): Promise<void> {
  const base = wantedBase(env['TIDEGATE_PORT_BASE']) ?? defaultBase
  const at = (loopback ? onLoopback : inContainers)(portsAt(base, 2))
  await writeSetup({ root, folder: resolve(folder, dir), at, base })
  if (output === 'json') return out(json({ console: at.console }))
  out(`Keys, configurations and tokens are written. Console: ${at.console}`)
}
