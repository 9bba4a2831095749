import { resolve } from 'node:path'
import { writeKeys } from '../local/keys.ts'
import type { Surroundings } from '../session.ts'

/** `tidegate keys init DIR` */
export async function init({ out, folder }: Surroundings, [dir = '.']: readonly string[]): Promise<void> {
  const { written, kept } = await writeKeys(resolve(folder, dir))
  for (const file of written) out(`written  ${file}`)
  for (const file of kept) out(`kept     ${file}`)
}
