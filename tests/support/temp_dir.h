// SPDX-License-Identifier: MIT
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

/// A directory of its own for one test, gone with the object.
class TempDir {
public:
    TempDir()
    {
        std::string name = std::filesystem::temp_directory_path() / "fiona-XXXXXX";
        path = ::mkdtemp(name.data());
    }
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    ~TempDir()
    {
        std::error_code ignored; // nothing a test could do about it
        std::filesystem::remove_all(path, ignored);
    }

    std::filesystem::path operator/(const char* name) const { return path / name; }

    std::filesystem::path path;
};
