import { writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { auditWrites, type Execution, readExecutions } from '../../../bench/support/write-ledger.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const executed = (writeId: string, site: string): Execution => ({ writeId, site, method: 'POST', at: 0 })

describe('the ledger of writes', () => {
  it('is even when each acknowledged write was executed once, where its answer came from', () => {
    const acknowledged = new Map([
      ['a', 'onprem'],
      ['b', 'cloud'],
    ])

    const verdict = auditWrites(acknowledged, [executed('b', 'cloud'), executed('a', 'onprem')])

    expect(verdict).toEqual({ acknowledged: 2, executed: 2, lost: [], doubled: [], elsewhere: [], unacknowledged: 0 })
  })

  it('finds a lost write, and a doubled one at one site or two', () => {
    const acknowledged = new Map([
      ['lost', 'onprem'],
      ['twice', 'onprem'],
      ['both', 'cloud'],
    ])
    const executions = [
      executed('twice', 'onprem'),
      executed('twice', 'onprem'),
      executed('both', 'onprem'),
      executed('both', 'cloud'),
    ]

    expect(auditWrites(acknowledged, executions)).toMatchObject({
      lost: ['lost'],
      doubled: ['twice', 'both'],
      elsewhere: [],
    })
  })

  it('finds a write that another site executed than the one whose answer came', () => {
    expect(auditWrites(new Map([['a', 'cloud']]), [executed('a', 'onprem')]).elsewhere).toEqual(['a'])
  })

  it('counts what was executed and not acknowledged, and leaves reads out', () => {
    const read: Execution = { method: 'GET', site: 'cloud', at: 0 }

    expect(auditWrites(new Map(), [executed('a', 'cloud'), read])).toMatchObject({ executed: 1, unacknowledged: 1 })
  })

  it('reads the logs of both sites without a line that is still being written', async () => {
    await using folder = await temporaryFolder()
    await writeFile(folder.file('a.log'), `${JSON.stringify(executed('a', 'onprem'))}\n{"writeId":"tor`)
    await writeFile(folder.file('b.log'), `{"ready":true}\n${JSON.stringify(executed('b', 'cloud'))}\n`)

    const ids = readExecutions([folder.file('a.log'), folder.file('b.log')]).map(({ writeId }) => writeId)

    expect(ids).toEqual(['a', undefined, 'b'])
  })
})
