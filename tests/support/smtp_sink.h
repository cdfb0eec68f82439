// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/json.h"
#include "tests/support/child_process.h"
#include "tests/support/temp_dir.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// A real mail server (aiosmtpd) on a free port of 127.0.0.1 that keeps what it gets.
class SmtpSink {
public:
    /// Whether the package is installed; says `SKIPPED` on standard output if it is not.
    [[nodiscard]] static bool is_here();

    struct Options {
        enum class Tls { none, starttls, implicit } tls = Tls::none;
        std::string certificate{};
        std::string key{};
        std::string user{};
        std::string password{};
    };
    SmtpSink() : SmtpSink{Options{}} {}
    explicit SmtpSink(const Options& options);

    /// accept, refuse-recipient (550), greylist (451 to RCPT), busy (451 to the mail), refuse-mail (554),
    /// vanish (takes the mail and hangs up without an answer). Holds from now on.
    void behave(const std::string& behaviour) const;
    /// As Python's parser reads them: from, recipients, headers, text, attachments, raw, tls.
    [[nodiscard]] std::vector<fiona::json::Value> mails() const;
    [[nodiscard]] std::uint16_t port() const { return m_port; }
    /// Of a site that sends here.
    [[nodiscard]] fiona::SmtpConfig config() const;

private:
    TempDir m_directory;
    bool m_is_implicit = false;
    std::uint16_t m_port = 0;
    std::optional<ChildProcess> m_process;
};
