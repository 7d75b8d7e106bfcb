"""Pusher Channels on ccxt's WebSocket client: the connection, channel authorization, and
subscriptions that are made once for each connection.

A failure to subscribe or to synchronise closes the connection. Every waiting watch_…() then raises,
and the next one connects, subscribes and synchronises again.
"""

import asyncio
import re

import ccxt
from ccxt.async_support.base.ws.client import Client

PROTOCOL_QUERY = 'protocol=7&client=matchcast-ccxt&version=0.1.0'


class UnbufferedClient(Client):
    """ccxt 4.5.84 takes messages out of the buffer of aiohttp 3.14 directly. aiohttp still counts
    their overhead and, after some thousand messages, stops reading from the socket for ever.
    Without access to the buffer, the client receives one message after the other."""

    buffer = None


class Channels:

    def client(self, url):
        client = super().client(url)
        client.__class__ = UnbufferedClient
        return client

    known_configuration = None

    async def configuration(self):
        """The settings of GET /config, which do not change while the server runs."""
        if self.known_configuration is None:
            self.known_configuration = (await self.public_get_config())['data']
        return self.known_configuration

    async def web_socket_url(self):
        """The provider's address: an app key, and a host unless it is that of the API."""
        config = await self.configuration()
        key, host, cluster, port = (
            self.safe_string(config, name) for name in ('key', 'host', 'cluster', 'port'))
        base = f'wss://ws-{cluster}.pusher.com'
        if config['embedded']:
            base = re.sub('^http', 'ws', self.implode_hostname(self.urls['api']))
        elif host is not None:
            base = f'{"wss" if config["tls"] else "ws"}://{host}:{port}'
        return f'{self.safe_string(self.urls, "ws", base)}/app/{key}?{PROTOCOL_QUERY}'

    def ping(self, client):
        """Pusher's keep-alive message, which ccxt sends at intervals."""
        return {'event': 'pusher:ping', 'data': {}}

    async def watch_channel(self, channel, hash, before, after):
        """Waits for the next value of `hash`, which begins with the channel's name.

        The first call on a connection runs `before`, subscribes to the channel, and runs `after`.
        """
        url = await self.web_socket_url()
        is_new = url not in self.clients or hash not in self.clients[url].subscriptions
        future = self.watch(url, hash, None, hash)
        if is_new:
            self.spawn(self.start_watching, self.client(url), channel, before, after)
        return await future

    async def start_watching(self, client, channel, before, after):
        try:
            await before()
            channels = self.channels_of(client)
            if channel not in channels:
                channels[channel] = asyncio.ensure_future(self.subscribe(client, channel))
            await channels[channel]
            await after(client)
        except Exception as error:
            client.on_error(error)

    @staticmethod
    def channels_of(client):
        if not hasattr(client, 'channels'):
            client.channels = {}
        return client.channels

    async def subscribe(self, client, channel):
        socket_id = getattr(client, 'socket_id', None) or await client.future('socket')
        data = {'channel': channel}
        if channel.startswith('private-'):
            request = {'socket_id': socket_id, 'channel_name': channel}
            data['auth'] = (await self.private_post_broadcasting_auth(request))['auth']
        confirmation = client.future('subscribed:' + channel)
        await client.send({'event': 'pusher:subscribe', 'data': data})
        await confirmation

    def is_final(self, event, data):
        """Pusher's codes 4000 to 4099 mean that connecting again will not help."""
        return event != 'pusher:error' or 4000 <= self.safe_integer(data, 'code', 0) < 4100

    def handle_message(self, client, message):
        event = message['event']
        channel = message.get('channel')
        data = message.get('data')
        if isinstance(data, str):
            data = self.parse_json(data)
        if event == 'pusher:connection_established':
            client.socket_id = data['socket_id']
            client.resolve(client.socket_id, 'socket')
        elif event == 'pusher_internal:subscription_succeeded':
            client.resolve(True, 'subscribed:' + channel)
        elif event == 'pusher:ping':
            self.spawn(client.send, {'event': 'pusher:pong', 'data': {}})
        elif event == 'pusher:pong':
            client.lastPong = self.milliseconds()
        elif event in ('pusher:error', 'pusher:subscription_error'):
            text = self.safe_string_2(data, 'message', 'error')
            error = ccxt.ExchangeError if self.is_final(event, data) else ccxt.NetworkError
            client.on_error(error(f'{self.id} {event} {channel or ""} {text}'))
        else:
            self.handle_event(client, channel, event, data)
