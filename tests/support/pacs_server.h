// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/pacs/sender.h"
#include "tests/support/child_process.h"
#include "tests/support/temp_dir.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// A port of the loopback interface that was free a moment ago.
std::uint16_t unused_port();
[[nodiscard]] bool listens(std::uint16_t port);
/// Waits until something listens there; throws after `patience`.
void wait_for_port(std::uint16_t port,
                   std::chrono::milliseconds patience = std::chrono::milliseconds{10'000});

/// DCMTK's dcmqrscp with a storage of its own: stores, finds, gives out, sends on, echoes.
class PacsServer {
public:
    /// `destinations`: of C-MOVE, AE title and port. `options`: more for dcmqrscp's command line.
    explicit PacsServer(const std::map<std::string, std::uint16_t>& destinations = {},
                        const std::vector<std::string>& options = {});

    [[nodiscard]] fiona::pacs::Peer peer() const;
    [[nodiscard]] std::uint16_t port() const { return m_port; }
    [[nodiscard]] std::string aet() const { return "RESEARCH"; }
    /// The image files in its storage.
    [[nodiscard]] std::vector<std::filesystem::path> files() const;
    [[nodiscard]] std::filesystem::path storage() const { return m_directory / "storage"; }

private:
    TempDir m_directory;
    std::uint16_t m_port;
    std::optional<ChildProcess> m_process;
};
