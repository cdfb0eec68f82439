// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/unique_fd.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

/// DICOM by hand, for saying what no toolkit would say: PDUs, PDVs and commands as bytes.
namespace raw {

inline std::string little(std::uint64_t value, unsigned bytes)
{
    std::string text;
    for (unsigned i = 0; i < bytes; ++i) {
        text += static_cast<char>(value >> (8 * i) & 0xffU);
    }
    return text;
}

inline std::string big(std::uint64_t value, unsigned bytes)
{
    const auto text = little(value, bytes);
    return {text.rbegin(), text.rend()};
}

inline std::string even(std::string value, char padding)
{
    if (value.size() % 2 != 0) {
        value += padding;
    }
    return value;
}

inline std::string tag(std::uint32_t tag)
{
    return little(tag >> 16U, 2) + little(tag & 0xffffU, 2);
}

/// One element in explicit VR little endian; `vr` decides about the form of the length.
inline std::string element(std::uint32_t name, const std::string& vr, const std::string& value)
{
    constexpr std::string_view long_ones = "OB OW OF SQ UN UT UC UR";
    const auto padded = even(value, vr == "UI" || vr == "OB" ? '\0' : ' ');
    return long_ones.find(vr) != std::string_view::npos
               ? tag(name) + vr + little(0, 2) + little(padded.size(), 4) + padded
               : tag(name) + vr + little(padded.size(), 2) + padded;
}

/// One element in implicit VR little endian.
inline std::string implicit(std::uint32_t name, const std::string& value)
{
    return tag(name) + little(value.size(), 4) + value;
}

constexpr auto secondary_capture = "1.2.840.10008.5.1.4.1.1.7";
constexpr auto verification = "1.2.840.10008.1.1";
constexpr auto explicit_little = "1.2.840.10008.1.2.1";

struct Ids {
    std::string sop_class = secondary_capture;
    std::string sop = "1.2.826.0.1.3680043.8.498.7.1.1";
    std::string study = "1.2.826.0.1.3680043.8.498.7";
    std::string series = "1.2.826.0.1.3680043.8.498.7.1";
};

/// A small data set: the UIDs, a name, and `pixels` bytes of pixel data.
inline std::string data_set(const Ids& ids, std::size_t pixels = 1000, char value = 'x')
{
    return element(0x00080016, "UI", ids.sop_class) + element(0x00080018, "UI", ids.sop)
           + element(0x00080060, "CS", "OT") + element(0x00100010, "PN", "Phantom^Test")
           + element(0x0020000d, "UI", ids.study) + element(0x0020000e, "UI", ids.series)
           + element(0x7fe00010, "OB", std::string(pixels, value));
}

struct Context {
    std::uint8_t id;
    std::string abstract_syntax;
    std::vector<std::string> transfer_syntaxes;
};

struct Pdu {
    int type = 0; ///< 0: the connection is closed
    std::string body;
};

class Connection {
public:
    /// `from`: an address of the loopback network, to be another peer.
    explicit Connection(std::uint16_t port, const char* from = "127.0.0.1")
        : m_fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)}
    {
        const int is_later = 1; // the port is chosen by connect(2), which knows what is free
        ::setsockopt(m_fd.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &is_later, sizeof is_later);
        sockaddr_in own{};
        own.sin_family = AF_INET;
        ::inet_pton(AF_INET, from, &own.sin_addr);
        if (::bind(m_fd.get(), reinterpret_cast<sockaddr*>(&own), sizeof own) != 0) {
            throw std::runtime_error{"no such address of our own"};
        }
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const timeval patience{20, 0};
        const int on = 1;
        ::setsockopt(m_fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        ::setsockopt(m_fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (::connect(m_fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
            throw std::runtime_error{"cannot connect: error " + std::to_string(errno)};
        }
    }

    void send(std::string_view bytes) const
    {
        while (!bytes.empty()) {
            const auto sent = ::send(m_fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) {
                return; // the other side is gone: the next read tells
            }
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
    }

    [[nodiscard]] Pdu read() const
    {
        const auto head = read_bytes(6);
        if (head.size() < 6) {
            return {};
        }
        std::uint32_t length = 0;
        for (std::size_t i = 2; i < 6; ++i) {
            length = length << 8U | static_cast<unsigned char>(head[i]);
        }
        return {head[0], read_bytes(length)};
    }

    [[nodiscard]] int fd() const { return m_fd.get(); }

private:
    [[nodiscard]] std::string read_bytes(std::size_t count) const
    {
        std::string bytes(count, '\0');
        std::size_t filled = 0;
        while (filled < count) {
            const auto got = ::recv(m_fd.get(), bytes.data() + filled, count - filled, 0);
            if (got <= 0) {
                break;
            }
            filled += static_cast<std::size_t>(got);
        }
        bytes.resize(filled);
        return bytes;
    }

    fiona::UniqueFd m_fd;
};

inline std::string pdu(int type, const std::string& body)
{
    return big(static_cast<unsigned>(type), 1) + big(0, 1) + big(body.size(), 4) + body;
}

inline std::string item(int type, const std::string& body)
{
    return big(static_cast<unsigned>(type), 1) + big(0, 1) + big(body.size(), 2) + body;
}

inline std::string title(std::string text)
{
    text.resize(16, ' ');
    return text;
}

inline std::string request(const std::string& caller, const std::string& called,
                           const std::vector<Context>& contexts)
{
    std::string items = item(0x10, "1.2.840.10008.3.1.1.1");
    for (const auto& context : contexts) {
        auto body = big(context.id, 1) + big(0, 3) + item(0x30, context.abstract_syntax);
        for (const auto& syntax : context.transfer_syntaxes) {
            body += item(0x40, syntax);
        }
        items += item(0x20, body);
    }
    items += item(0x50, item(0x51, big(16384, 4)) + item(0x52, "1.2.3"));
    return pdu(1, big(1, 2) + big(0, 2) + title(called) + title(caller) + std::string(32, '\0')
                      + items);
}

/// A C-STORE-RQ command set; `sop` goes in as it is.
inline std::string store_command(const std::string& sop_class, const std::string& sop)
{
    const auto body = implicit(0x00000002, even(sop_class, '\0'))
                      + implicit(0x00000100, little(1, 2)) + implicit(0x00000110, little(1, 2))
                      + implicit(0x00000700, little(0, 2)) + implicit(0x00000800, little(1, 2))
                      + implicit(0x00001000, even(sop, '\0'));
    return implicit(0x00000000, little(body.size(), 4)) + body;
}

/// A C-ECHO-RQ command set.
inline std::string echo_command()
{
    const auto body = implicit(0x00000002, even(verification, '\0'))
                      + implicit(0x00000100, little(0x30, 2)) + implicit(0x00000110, little(1, 2))
                      + implicit(0x00000800, little(0x0101, 2));
    return implicit(0x00000000, little(body.size(), 4)) + body;
}

/// `flags`: 1 command, 2 last fragment (PS3.8 §E.2).
inline std::string pdv(std::uint8_t context, int flags, const std::string& bytes)
{
    return pdu(4, big(bytes.size() + 2, 4) + big(context, 1) + big(static_cast<unsigned>(flags), 1)
                      + bytes);
}

class Association {
public:
    explicit Association(
        std::uint16_t port, const std::string& caller = "SCANNER",
        const std::string& called = "FIONA",
        const std::vector<Context>& contexts = {{1, secondary_capture, {explicit_little}},
                                                {3, verification, {explicit_little}}})
        : connection{port}
    {
        connection.send(request(caller, called, contexts));
        answer = connection.read();
    }

    [[nodiscard]] bool is_accepted() const { return answer.type == 2; }
    /// "result/source/reason" of a rejection.
    [[nodiscard]] std::string rejection() const
    {
        return answer.type != 3 || answer.body.size() != 4
                   ? ""
                   : std::to_string(answer.body[1]) + "/" + std::to_string(answer.body[2]) + "/"
                         + std::to_string(answer.body[3]);
    }

    void send_data(const std::string& data, std::uint8_t context = 1) const
    {
        constexpr std::size_t slice = 100'000;
        for (std::size_t at = 0; at == 0 || at < data.size(); at += slice) {
            const bool is_last = at + slice >= data.size();
            connection.send(pdv(context, is_last ? 2 : 0, data.substr(at, slice)));
        }
    }

    /// The status of the next response; nothing if the association ended instead.
    [[nodiscard]] std::optional<std::uint16_t> status() const
    {
        const auto response = connection.read();
        const auto name = tag(0x00000900) + little(2, 4);
        const auto at = response.body.find(name);
        if (response.type != 4 || at == std::string::npos) {
            return std::nullopt;
        }
        const auto low = static_cast<unsigned char>(response.body.at(at + name.size()));
        const auto high = static_cast<unsigned char>(response.body.at(at + name.size() + 1));
        return static_cast<std::uint16_t>(low | high << 8U);
    }

    std::optional<std::uint16_t> store(const Ids& command, const std::string& data,
                                       std::uint8_t context = 1) const
    {
        connection.send(pdv(context, 3, store_command(command.sop_class, command.sop)));
        send_data(data, context);
        return status();
    }

    std::optional<std::uint16_t> store(const Ids& ids) const { return store(ids, data_set(ids)); }

    std::optional<std::uint16_t> echo() const
    {
        connection.send(pdv(3, 3, echo_command()));
        return status();
    }

    /// True if the peer confirmed the release.
    [[nodiscard]] bool release() const
    {
        connection.send(pdu(5, big(0, 4)));
        return connection.read().type == 6;
    }

    void abort() const { connection.send(pdu(7, big(0, 4))); }

    Connection connection;
    Pdu answer;
};

} // namespace raw
