// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace fiona {

/// MD5 (RFC 1321) of bytes that come in pieces: a checksum that others ask for, never a proof of anything.
class Md5 {
public:
    Md5();
    Md5(const Md5&) = delete;
    Md5& operator=(const Md5&) = delete;
    ~Md5();

    void add(std::string_view bytes);
    /// 32 lower-case hex digits. Called once, last.
    [[nodiscard]] std::string finish();

private:
    struct Context;
    std::unique_ptr<Context> m_context;
};

} // namespace fiona
