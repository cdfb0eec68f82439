// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "tests/support/temp_dir.h"

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <map>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

/// A site with a receiver and a file processor that run, and nothing else.
class IngestSite {
public:
    IngestSite();
    IngestSite(const IngestSite&) = delete;
    IngestSite& operator=(const IngestSite&) = delete;
    ~IngestSite();

    /// As cron does it: whoever runs is left alone.
    void start_daemons() const;
    [[nodiscard]] pid_t receiver() const;  ///< the parent; 0 if it does not run
    [[nodiscard]] pid_t processor() const; ///< likewise
    [[nodiscard]] std::size_t waiting() const;
    [[nodiscard]] std::size_t given_up() const;

    /// Images by make-phantoms, in a directory of their own.
    [[nodiscard]] std::vector<std::filesystem::path>
    make_images(const std::string& name, const std::vector<std::string>& arguments) const;

    struct Sorted {
        std::map<std::string, std::size_t> links_of_series;
        std::size_t links = 0;      ///< in raw/, each leading to a file
        std::size_t instances = 0;  ///< different ones among them
        std::size_t archived = 0;   ///< files in the archive
        std::size_t bad_counts = 0; ///< series whose JSON has another NumFiles than it has links
        std::size_t dead_links = 0;
    };
    [[nodiscard]] Sorted sorted() const;

    [[nodiscard]] const fiona::Config& config() const { return m_config; }

private:
    void run(const std::string& tool, const std::string& verb) const;

    TempDir m_directory;
    fiona::Config m_config;
};

/// A clinical PACS in a thread: sends each file until it was told that it is stored, and never again
/// afterwards.
class PatientSender {
public:
    PatientSender(const fiona::Config& config, std::vector<std::filesystem::path> files,
                  std::string calling_aet);

    [[nodiscard]] std::size_t acknowledged() const { return m_acknowledged; }
    [[nodiscard]] bool is_done() const { return m_done; }

private:
    void send(const std::stop_token& stop);

    std::uint16_t m_port;
    std::vector<std::filesystem::path> m_files;
    std::string m_calling_aet;
    std::atomic<std::size_t> m_acknowledged = 0;
    std::atomic<bool> m_done = false;
    std::jthread m_thread;
};

/// Resident memory of a process now, in MB; 0 if there is none.
[[nodiscard]] double resident_megabytes(pid_t pid);

/// Whether the long form of a test was asked for: FIONA_TEST_FULL=1.
[[nodiscard]] bool is_full_run();
