// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "tests/support/child_process.h"
#include "tests/support/temp_dir.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

/// OpenSSH's sshd on a free port of 127.0.0.1 that takes one key and speaks SFTP only.
class SftpServer {
public:
    /// Whether it can run here; says `SKIPPED` on standard output if not.
    [[nodiscard]] static bool is_here();

    SftpServer();

    void start();
    /// Kills it with all its connections.
    void stop();
    /// Another server with another key behind the same address.
    void change_host_key();
    /// From now on it refuses these requests (sftp-server(8), -P): "rename,posix-rename"; "": none.
    void refuse(const std::string& requests);

    [[nodiscard]] fiona::SftpConfig config() const;
    /// The login directory; it has fiona/outbox.
    [[nodiscard]] std::filesystem::path home() const { return m_root / "home"; }
    [[nodiscard]] std::filesystem::path outbox() const { return m_root / "home/fiona/outbox"; }
    [[nodiscard]] std::uint16_t port() const { return m_port; }

private:
    void make_key(const std::string& name) const;
    void write_settings(const std::string& refused) const;

    TempDir m_root;
    std::uint16_t m_port;
    std::optional<ChildProcess> m_process;
};
