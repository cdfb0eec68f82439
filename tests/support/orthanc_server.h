// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/pacs/sender.h"
#include "tests/support/child_process.h"
#include "tests/support/temp_dir.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// Orthanc with a storage of its own: stores, finds, gives out by C-GET, sends on by C-MOVE.
class OrthancServer {
public:
    /// Whether the package is installed; says `SKIPPED` on standard output if it is not.
    [[nodiscard]] static bool is_here();

    struct Options {
        /// Answers to one query; with more it stops, and says so by FE00. 0: all.
        unsigned limit = 0;
        std::map<std::string, std::uint16_t> destinations{}; ///< of C-MOVE: AE title, port
        std::vector<std::string> plugins{}; ///< paths; with any, it speaks HTTP too
    };
    OrthancServer() : OrthancServer{Options{}} {}
    explicit OrthancServer(const Options& options);

    [[nodiscard]] fiona::pacs::Peer peer() const;
    [[nodiscard]] std::uint16_t port() const { return m_port; }
    /// Of HTTP, if there are plugins: "http://127.0.0.1:8042".
    [[nodiscard]] std::string url() const;
    /// Stops it and starts it again on the same data.
    void restart();

private:
    void start();

    TempDir m_directory;
    std::uint16_t m_port;
    std::uint16_t m_http_port;
    std::optional<ChildProcess> m_process;
};
