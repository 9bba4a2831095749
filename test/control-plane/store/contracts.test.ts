import { describe } from 'vitest'
import type { Records } from '../../../control-plane/records.ts'
import { openStore } from '../../../control-plane/store/database.ts'
import { contract as accessStore } from '../../contracts/access-store.ts'
import { contract as auditLog } from '../../contracts/audit-log-store.ts'
import { contract as catalogStore } from '../../contracts/catalog-store.ts'
import { contract as gatewayStore } from '../../contracts/gateway-store.ts'
import { contract as publicationStore } from '../../contracts/publication-store.ts'
import { type Make, contract as tableStore } from '../../contracts/table-store.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const inMemory =
  <Port>(pick: (records: Records) => Port): Make<Port> =>
  async () => {
    const store = await openStore(undefined, 0)
    return { store: pick(store.records), [Symbol.asyncDispose]: () => store.close() }
  }

const inFile =
  <Port>(pick: (records: Records) => Port): Make<Port> =>
  async () => {
    const folder = await temporaryFolder()
    const store = await openStore(folder.path, 0)
    const close = async (): Promise<void> => {
      await store.close()
      await folder[Symbol.asyncDispose]()
    }
    return { store: pick(store.records), [Symbol.asyncDispose]: close }
  }

describe.each([
  ['in memory', inMemory],
  ['in a file', inFile],
] as const)('SQLite %s', (_, made) => {
  tableStore(made(({ tables }) => tables))
  catalogStore(made(({ catalog }) => catalog))
  gatewayStore(made(({ gateways }) => gateways))
  auditLog(made(({ audit }) => audit))
  accessStore(made(({ access }) => access))
  publicationStore(made(({ publications }) => publications))
})
