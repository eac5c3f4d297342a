import type { UrlRoute } from '../asgi/url-route.ts'

/** The scope's URL route. Optional for a consumer without URL arguments. */
export type Routed<Kwargs extends object> = {} extends Kwargs
  ? { readonly urlRoute?: UrlRoute }
  : { readonly urlRoute: UrlRoute<Kwargs> }
