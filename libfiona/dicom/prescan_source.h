// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/dicom/prescan.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <variant>
#include <vector>

namespace fiona::dicom {

/// Where the bytes of a file are: in an open file, or all of them in memory. Both are borrowed.
using StoredBytes = std::variant<int, std::span<const std::byte>>;

/// Bytes that are looked at in order, through a window of bounded size. Internal to the pre-scan.
class ByteSource {
public:
    /// What peek() can promise at most.
    static constexpr std::size_t max_peek = 4096;
    static constexpr std::uint64_t unknown_size = std::numeric_limits<std::uint64_t>::max();

    ByteSource() = default;
    ByteSource(const ByteSource&) = delete;
    ByteSource& operator=(const ByteSource&) = delete;
    virtual ~ByteSource() = default;

    /// Bytes passed so far, from the start of the source.
    [[nodiscard]] std::uint64_t position() const { return m_base + m_at; }
    /// The next `count` (<= max_peek) bytes; fewer only at the end. Valid until the next call.
    [[nodiscard]] std::span<const std::byte> peek(std::size_t count)
    {
        if (m_filled - m_at < count) {
            refill();
        }
        return {m_window.data() + m_at, std::min(count, m_filled - m_at)};
    }
    /// Passes `count` bytes; false if the source ends before.
    [[nodiscard]] virtual bool skip(std::uint64_t count) = 0;
    /// Where the source ends, if that is known before it is reached.
    [[nodiscard]] virtual std::uint64_t size() const { return unknown_size; }

protected:
    /// Brings max_peek bytes into the window, or all that are left.
    virtual void refill() = 0;

    std::vector<std::byte> m_window;
    std::size_t m_filled = 0;
    std::size_t m_at = 0;
    std::uint64_t m_base = 0; ///< position of m_window[0]
};

/// A file by pread(2), or what was held of it: seeking costs nothing, and a file that shrinks
/// meanwhile is only an end.
class FileSource : public ByteSource {
public:
    /// Throws Error{Fault::data} if it is no regular file.
    explicit FileSource(StoredBytes bytes, std::uint64_t start = 0);

    [[nodiscard]] bool skip(std::uint64_t count) override;
    [[nodiscard]] std::uint64_t size() const override { return m_size; }
    /// At most what fits into `target`; 0 at the end. Past the window, whose place it does not move.
    [[nodiscard]] std::size_t read_at(std::uint64_t offset, std::span<std::byte> target) const;

private:
    void refill() override;

    StoredBytes m_bytes;
    std::uint64_t m_size = 0;
};

/// A deflate stream (RFC 1951, PS3.5 §A.5) in a file, inflated as it is looked at and never held.
/// Throws Error{Fault::data} when it is broken or grows beyond the limits.
class InflateSource : public ByteSource {
public:
    InflateSource(StoredBytes bytes, std::uint64_t start, const PrescanLimits& limits);
    InflateSource(const InflateSource&) = delete;
    InflateSource& operator=(const InflateSource&) = delete;
    ~InflateSource() override;

    [[nodiscard]] bool skip(std::uint64_t count) override;
    /// At the end of the data set: nothing but one byte of padding, or gzip's trailer with the right
    /// size, may follow the stream. Else throws Error{Fault::data}.
    void check_tail();

private:
    struct Stream;

    void refill() override;
    void inflate_more();

    FileSource m_file;
    PrescanLimits m_limits;
    std::uint64_t m_start;
    std::unique_ptr<Stream> m_stream;
    bool m_ended = false;
};

} // namespace fiona::dicom
