/** Where the programs ask one another. Constants, so that the edge's script holds those that it names. */

export const edge = '/.well-known/tidegate'
export const edgeTable = '/api/v1/edge/table'
export const gatewayStatus = '/gateway/v1/status'
export const tokensFind = '/gateway/v1/tokens/find'
export const replicate = '/gateway/v1/cache/replicate'
export const cacheDebt = '/gateway/v1/cache/debt'
export const cachePull = '/gateway/v1/cache/pull'
export const cacheSample = '/gateway/v1/cache/sample'
