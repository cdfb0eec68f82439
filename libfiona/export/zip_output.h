// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/unique_fd.h"

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <initializer_list>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace fiona::exports::zip {

/// A package on its way to the disk, and its MD5 beside it.
///
///     NAME.part  NAME.md5  NAME
///         +         -        -     being written, by whoever holds the flock on it; of a dead writer: the
///                                  next one begins it anew, fiona-clear-exports removes it after a day
///         +         +        -     whole and on the disk; a crash here leaves an .md5 of nothing
///         -         +        +     done
///
/// The MD5 is counted by a thread of its own, behind the writer, from what is still in memory.
class Output {
public:
    /// Throws Error: Fault::temporary if another process writes the same package, else os_error().
    explicit Output(std::filesystem::path target);
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;
    /// Without commit() nothing stays.
    ~Output();

    /// Throws os_error().
    void append(std::initializer_list<std::string_view> pieces);
    /// Writes again what was appended at `offset` behind the last settle().
    void patch(std::uint64_t offset, std::string_view bytes);
    /// What was appended until now will not change any more.
    void settle();
    [[nodiscard]] std::uint64_t size() const { return m_size; }

    /// Returns when package and MD5 have their names and are on the disk: the MD5, in hex.
    [[nodiscard]] std::string commit();

    /// `NAME.md5` of `NAME.zip`.
    [[nodiscard]] static std::filesystem::path md5_file(const std::filesystem::path& target);

private:
    void count_md5();
    void write_md5(const std::string& md5) const;
    [[nodiscard]] std::string finish_md5();

    std::filesystem::path m_target;
    std::filesystem::path m_part;
    UniqueFd m_fd;
    std::uint64_t m_size = 0;
    std::uint64_t m_flushed = 0; ///< the kernel was told to begin writing

    std::mutex m_mutex;
    std::condition_variable m_change;
    std::uint64_t m_settled = 0;
    bool m_is_over = false;
    std::string m_md5;
    std::exception_ptr m_problem;
    std::jthread m_counter; ///< last: it ends before what it uses
};

} // namespace fiona::exports::zip
