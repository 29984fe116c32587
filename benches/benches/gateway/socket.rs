//! A WebSocket of a load generator: frames are written and read with as little work as can be, since it shares its cores with the server.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

/// The writing half.
pub(crate) struct Writer(TcpStream);

/// The reading half.
pub(crate) struct Reader {
    stream: BufReader<TcpStream>,
    payload: Vec<u8>,
}

/// Opens a socket.
pub(crate) fn open(address: SocketAddr) -> io::Result<(Writer, Reader)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.write_all(
        b"GET /ws/api/v2 HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
          sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    )?;
    let mut reader = BufReader::with_capacity(65_536, stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    if !line.starts_with("HTTP/1.1 101") {
        return Err(io::Error::other(line));
    }
    while line != "\r\n" {
        line.clear();
        reader.read_line(&mut line)?;
    }
    Ok((Writer(stream), Reader { stream: reader, payload: Vec::new() }))
}

impl Writer {
    /// Writes a text frame, masked with zeros: to the server it is a frame like any other.
    pub(crate) fn write(&mut self, text: &str) -> io::Result<()> {
        let mut frame = Vec::with_capacity(text.len() + 14);
        frame.push(0x81);
        match u16::try_from(text.len()) {
            Ok(len) if len < 126 => frame.push(0x80 | u8::try_from(len).unwrap_or(0)),
            Ok(len) => {
                frame.push(0x80 | 126);
                frame.extend(len.to_be_bytes());
            }
            Err(_) => {
                frame.push(0x80 | 127);
                frame.extend(u64::try_from(text.len()).unwrap_or(0).to_be_bytes());
            }
        }
        frame.extend([0; 4]);
        frame.extend(text.as_bytes());
        self.0.write_all(&frame)
    }

    /// Answers a ping with what it carried.
    fn pong(&mut self, payload: &[u8]) -> io::Result<()> {
        let mut frame = vec![0x8a, 0x80 | u8::try_from(payload.len()).unwrap_or(0), 0, 0, 0, 0];
        frame.extend(payload);
        self.0.write_all(&frame)
    }
}

impl Reader {
    /// The next text; `None` at the end.
    pub(crate) fn text(&mut self) -> io::Result<Option<&str>> {
        loop {
            let mut head = [0; 2];
            if let Err(error) = self.stream.read_exact(&mut head) {
                return if error.kind() == io::ErrorKind::UnexpectedEof {
                    Ok(None)
                } else {
                    Err(error)
                };
            }
            let len = match head[1] & 0x7f {
                126 => {
                    let mut len = [0; 2];
                    self.stream.read_exact(&mut len)?;
                    u64::from(u16::from_be_bytes(len))
                }
                127 => {
                    let mut len = [0; 8];
                    self.stream.read_exact(&mut len)?;
                    u64::from_be_bytes(len)
                }
                short => u64::from(short),
            };
            self.payload.resize(usize::try_from(len).map_err(io::Error::other)?, 0);
            self.stream.read_exact(&mut self.payload)?;
            match head[0] & 0x0f {
                1 => break,
                8 => return Ok(None),
                9 => Writer(self.stream.get_ref().try_clone()?).pong(&self.payload)?,
                _ => {}
            }
        }
        str::from_utf8(&self.payload).map(Some).map_err(io::Error::other)
    }
}
