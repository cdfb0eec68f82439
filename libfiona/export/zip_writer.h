// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/private.h"
#include "libfiona/export/zip_format.h"
#include "libfiona/export/zip_output.h"

#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace fiona::exports::zip {

/// One file of a package: bytes in memory, then a stretch of a file.
struct Content {
    std::string name{}; ///< UTF-8, parts between `/`; no two are equal
    std::string head{};
    std::filesystem::path file{}; ///< "" for none
    std::uint64_t offset = 0;
    std::uint64_t count = 0;
    enum class Kind {
        plain,
        compressed, ///< already: deflate would only cost time
    } kind = Kind::plain;
};

enum class Compression { store, deflate };

struct Settings {
    Compression compression = Compression::deflate; ///< at level 1
    unsigned threads = 2;                           ///< of compressing; one more writes
    std::optional<Private<std::string>> password{};
};

struct Totals {
    std::uint64_t entries = 0;
    std::uint64_t bytes = 0;  ///< plain
    std::uint64_t packed = 0; ///< the whole package
};

class Workers;
struct Packed;

/// Writes a zip file as a stream, in the order of add(). Contents are read, checksummed, compressed and
/// encrypted in pieces by several threads; what waits is a few pieces, so memory does not grow with the
/// study, nor with a file.
///
/// Of our own because libzip and libarchive compress in the thread that writes, and neither takes an
/// entry that was compressed elsewhere.
class Writer {
public:
    /// Keeps a reference to `output`.
    Writer(Output& output, Settings settings);
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;
    ~Writer();

    /// `make` runs in another thread, soon. What it throws comes out of a later call.
    void add(std::function<Content()> make);
    /// All is appended and settled; the caller commits the output.
    Totals finish();

private:
    void write_next();
    void write_large(Content content);
    void write_units(const std::shared_ptr<const Content>& content, Entry& entry);
    void write_directory();

    Output& m_output;
    Settings m_settings;
    std::deque<std::future<Packed>> m_waiting;
    std::vector<Entry> m_entries;
    Totals m_totals;
    std::unique_ptr<Workers> m_workers; ///< last: ends before what its work refers to
};

} // namespace fiona::exports::zip
