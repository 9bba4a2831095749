import { describe, expect, it } from 'vitest'
import { repositoryFiles, sourceFiles } from './repository.ts'
import { unmirrored } from './unmirrored.ts'

const tests = repositoryFiles(/^test\/.*\.test\.tsx?$/).map(({ path }) => path)

/** `gateway/fence/fence.ts` -> `test/gateway/fence/fence[.integration|.browser].test.ts`; of the worker also `test/edge-worker/worker/`. */
function isMirrored(source: string, among: readonly string[]): boolean {
  const [, room = '', rest = ''] = /^([^/]+)\/(.+)\.\w+$/.exec(source) ?? []
  const places = [`test/${room}/${rest}`, ...(room === 'edge-worker' ? [`test/${room}/worker/${rest}`] : [])]
  return places.some((place) =>
    ['', '.integration', '.browser'].some((kind) =>
      among.some((path) => path.replace(/x$/, '') === `${place}${kind}.test.ts`),
    ),
  )
}

describe('tests', () => {
  it('stand at the path of what they test, or a reason is given', () => {
    const sources = sourceFiles().map(({ path }) => path)

    expect(sources.length).toBeGreaterThan(10)
    expect(isMirrored('routes/planted.ts', tests)).toBe(false)
    expect(isMirrored('routes/planted.ts', ['test/routes/planted.test.ts'])).toBe(true)
    expect(
      sources.filter((path) => !isMirrored(path, tests) && !unmirrored.some(({ files }) => files.test(path))),
    ).toEqual([])
  })

  it('excuse no file that is not there', () => {
    const sources = sourceFiles().map(({ path }) => path)

    expect(
      unmirrored.filter(({ files }) => !sources.some((path) => files.test(path))).map(({ files }) => `${files}`),
    ).toEqual([])
  })
})
