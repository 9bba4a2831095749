import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import type { Access } from './access/gate.ts'

const bearer = {
  type: 'http',
  scheme: 'bearer',
  description: 'A token of `tidegate token create`, or the console session.',
} as const
const call = {
  type: 'apiKey',
  in: 'header',
  name: 'x-tidegate-call',
  description: 'Signature of a program under the secret that it shares with the control plane.',
} as const

/** The OpenAPI document is made of the routes' own schemas; it also tells what each endpoint demands. */
export function openApi(version: string): FastifyDynamicSwaggerOptions {
  return {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Tidegate control plane', version },
      components: { securitySchemes: { bearer, call } },
    },
    transform: ({ schema, url, route }) => ({ url, schema: { ...schema, ...demands(route.config?.access) } }),
  }
}

function demands(access: Access | undefined) {
  switch (access?.kind) {
    case 'operator':
      return { description: `Needs the permission \`${access.action}\`.`, security: [{ bearer: [] }] }
    case 'program':
      return { description: `For programs (${access.purpose}).`, security: [{ call: [] }] }
    default:
      return { security: [] }
  }
}
