import type { AccessStore } from './access/access-store.ts'
import type { AuditLog } from './audit/audit-log.ts'
import type { CatalogStore } from './catalog/catalog-store.ts'
import type { PublicationStore } from './edge/publication-store.ts'
import type { GatewayStore } from './tables/gateway-store.ts'
import type { TableStore } from './tables/table-store.ts'

/** All that is kept, seen through one connection: inside a transaction, or outside of any. */
export interface Records {
  readonly catalog: CatalogStore
  readonly tables: TableStore
  readonly gateways: GatewayStore
  readonly audit: AuditLog
  readonly access: AccessStore
  readonly publications: PublicationStore
}

/** Where the control plane keeps what it must not lose. */
export interface Store {
  /** Each call sees what is committed at that moment. */
  readonly records: Records
  /**
   * Runs `work` alone and commits it whole when its promise resolves; a throw leaves nothing of it. What resolved is
   * on the disk. `work` must not wait for the network: everybody else waits for it.
   */
  write<Result>(work: (records: Records) => Promise<Result>): Promise<Result>
  close(): Promise<void>
}
