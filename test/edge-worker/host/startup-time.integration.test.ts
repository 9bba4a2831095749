import { writeFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { firstAnswerMs } from '../../../edge-worker/host/startup-time.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const answers = `export default { fetch: () => new Response('edge-misbound') }`

it('the start-up of a script counts what it does before its first request', async () => {
  await using folder = await temporaryFolder()
  await writeFile(folder.file('quick.js'), answers)
  await writeFile(
    folder.file('slow.js'),
    `let x = 0; for (let i = 0; i < 2e8; i++) x += i; ${answers}; globalThis.x = x`,
  )

  const [quick, slow] = [await firstAnswerMs(folder.path, ['quick.js']), await firstAnswerMs(folder.path, ['slow.js'])]

  expect(slow).toBeGreaterThan(quick + 50)
}, 60_000)

it('a script that throws at its start, or is none, is told with what workerd says', async () => {
  await using folder = await temporaryFolder()
  await writeFile(folder.file('throws.js'), `throw new Error('no table here')`)
  await writeFile(folder.file('broken.js'), `export default {`)

  await writeFile(folder.file('fails.js'), `export default { fetch() { throw new Error('no answer') } }`)

  for (const name of ['throws.js', 'broken.js', 'fails.js']) {
    await expect(firstAnswerMs(folder.path, [name])).rejects.toMatchObject({ code: 'workerd-not-ready' })
  }
}, 60_000)
