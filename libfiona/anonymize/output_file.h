// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/rewriter.h"
#include "libfiona/base/unique_fd.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace fiona::anonymize {

/// Our own implementation, PS3.7 §D.3.3.2: a UUID derived UID, the same for ever.
constexpr std::string_view implementation_uid = "2.25.315899897942445906736854083756585082565";

/// What a file of ours begins with: a preamble of zeros, `DICM`, our group 0002.
[[nodiscard]] std::string file_start(const Rewritten& identity, std::string_view transfer_syntax);

/// A de-identified file before it has its name: a hidden `.part` beside it, removed unless publish()
/// is called.
///
///     .NAME.part   NAME
///         +          -     being written or verified; a crash leaves it, and nobody reads it
///         -          +     complete and verified
class OutputFile {
public:
    explicit OutputFile(std::filesystem::path target);
    OutputFile(const OutputFile&) = delete;
    OutputFile& operator=(const OutputFile&) = delete;
    ~OutputFile();

    struct Sizes {
        std::uint64_t header = 0; ///< preamble, meta header and data set up to the pixel data
        std::uint64_t data_set_offset = 0; ///< bytes from the beginning of the file
        std::uint64_t all = 0;             ///< bytes of the file
    };
    /// Writes the pixel data element at the end of an open file, and returns how many bytes.
    using PixelWriter = std::function<std::uint64_t(int)>;
    /// Preamble of zeros, our meta header, the new header, the pixel data.
    [[nodiscard]] Sizes write(const Rewritten& identity, std::string_view transfer_syntax,
                              std::string_view header, const PixelWriter& pixels);
    [[nodiscard]] int fd() const { return m_fd.get(); } ///< it stays ours
    [[nodiscard]] const std::filesystem::path& part() const { return m_part; }
    /// The first `count` bytes as they are on the disk now.
    [[nodiscard]] std::string read_back(std::uint64_t count) const;
    /// rename(2) to the final name. Not synced: the caller syncs what it relies on.
    void publish();

private:
    std::filesystem::path m_target;
    std::filesystem::path m_part;
    UniqueFd m_fd;
    bool m_was_written = false;
};

} // namespace fiona::anonymize
