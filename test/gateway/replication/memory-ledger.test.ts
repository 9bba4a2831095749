import { systemClock } from '#server-kit/clock.ts'
import { MemoryLedger } from '../../../gateway/replication/memory-ledger.ts'
import { replicationLedgerContract } from '../../contracts/replication-ledger.ts'

replicationLedgerContract('the ledger in memory', async () => new MemoryLedger(systemClock))
