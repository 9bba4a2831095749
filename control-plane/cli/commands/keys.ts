import { resolve } from 'node:path'
import { writeKeys } from '../local/keys.ts'
import { json } from '../print.ts'
import type { LocalOptions, Surroundings } from '../session.ts'

/** `tidegate keys init DIR` */
export async function init(
  { out, folder }: Surroundings,
  [dir = '.']: readonly string[],
  { output }: LocalOptions,
): Promise<void> {
  const { written, kept } = await writeKeys(resolve(folder, dir))
  if (output === 'json') return out(json({ written, kept }))
  for (const file of written) out(`written  ${file}`)
  for (const file of kept) out(`kept     ${file}`)
}
