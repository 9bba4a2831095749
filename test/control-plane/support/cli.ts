/** The command line in this process, against a control plane of the test. */
import { buildCommands } from '../../../control-plane/cli/commands.ts'
import { exitCodeOf } from '../../../control-plane/cli/exit-codes.ts'
import { printFailure } from '../../../control-plane/cli/failure.ts'
import type { TestControlPlane } from './control-plane.ts'

export interface Told {
  /** As the command itself would end. */
  readonly code: number
  readonly out: string
  readonly told: string
}

/** `tidegate`, as an administrator of the plane types it. */
export async function tidegateOf(plane: TestControlPlane, argv: readonly string[]): Promise<Told> {
  const [out, told]: [string[], string[]] = [[], []]
  const commands = buildCommands({
    env: { TIDEGATE_URL: plane.url, TIDEGATE_TOKEN: plane.adminToken },
    folder: plane.folder.path,
    out: (text) => out.push(text),
    tell: (text) => told.push(text),
  })
  const before = process.exitCode
  try {
    await commands.parseAsync([...argv], { from: 'user' })
    return { code: Number(process.exitCode ?? 0), out: out.join('\n'), told: told.join('\n') }
  } catch (cause) {
    return { code: exitCodeOf(cause), out: out.join('\n'), told: printFailure(cause, false) }
  } finally {
    process.exitCode = before
  }
}
