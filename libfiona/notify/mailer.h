// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/private.h"
#include "libfiona/notify/mail.h"

#include <optional>
#include <string>

namespace fiona::notify {

/// Hands mails to the site's mail server, each on a connection of its own. The certificate is always
/// verified; a password goes only over TLS or a loopback address.
class Mailer {
public:
    /// Throws Error{Fault::config} for a configuration that can never send.
    explicit Mailer(SmtpConfig config);

    enum class Delivery {
        accepted,
        uncertain ///< all was handed over and then no answer came: the server may have it
    };
    /// To all recipients or to none. Throws when it is certain that no server has the mail:
    /// Error{Fault::unreachable} if nobody answered, Fault::temporary if the server wants it later (4xx),
    /// Fault::protocol if it refuses it or one of the recipients for good (5xx), Fault::permission
    /// if it refuses our user, Fault::config if it cannot be trusted. No complaint holds an address, a
    /// password or the server's words, which may hold them.
    [[nodiscard]] Delivery send(const Mail& mail, TimePoint now) const;
    /// Connects, makes the connection safe, logs in, sends nothing. Throws as send().
    void check() const;

private:
    struct Login {
        std::string user;
        Private<std::string> password;
    };
    [[nodiscard]] static Login read_login(const std::filesystem::path& file);

    SmtpConfig m_config;
    Mailbox m_from;
    std::optional<Login> m_login;
    bool m_wants_tls = true; ///< STARTTLS is a must

    class Session;
};

} // namespace fiona::notify
