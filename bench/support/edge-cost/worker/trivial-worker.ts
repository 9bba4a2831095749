/** The least that can be started: what a start of workerd costs by itself. */
export default { fetch: () => new Response('ok') } satisfies ExportedHandler
