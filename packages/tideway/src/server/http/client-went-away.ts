/** nginx's status for a client that disconnected before the response. */
export const CLIENT_WENT_AWAY = 499
