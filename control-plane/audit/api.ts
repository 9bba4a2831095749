import type { FastifyInstance } from 'fastify'
import { AuditEntry, AuditQuery, AuditVerdict } from '../api-client/access-schema.ts'
import type { Plane } from '../plane.ts'
import { verifyAudit } from './verify.ts'

const pageLimit = 500

export function auditApi(app: FastifyInstance, { store }: Pick<Plane, 'store'>): void {
  const reading = { access: { kind: 'operator', action: 'audit.read' } } as const

  app.get<{ Querystring: AuditQuery }>(
    '/api/v1/audit',
    {
      config: reading,
      schema: {
        summary: 'Who did what, when and why; oldest first',
        querystring: AuditQuery,
        response: { 200: { type: 'array', items: AuditEntry } },
      },
    },
    ({ query }) => store.records.audit.list(Number(query.after ?? 0), Math.min(Number(query.limit ?? 100), pageLimit)),
  )

  app.get(
    '/api/v1/audit/verify',
    {
      config: reading,
      schema: {
        summary: 'Whether the chain is whole and gives the present placements',
        response: { 200: AuditVerdict },
      },
    },
    () => verifyAudit(store),
  )
}
