// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace fiona {

/// A library that is loaded by the run that needs it, and not at every start: its own libraries cost
/// time and memory. It stays until the process ends, for its destructors want it so.
class SharedLibrary {
public:
    /// `name` as the dynamic linker knows it ("libcurl.so.4"), `product` as people call it. Throws
    /// Error{Fault::missing} that names the Debian package to install.
    SharedLibrary(const char* name, std::string product, const char* package);

    /// Null if it has no such function.
    template <typename Function>
    [[nodiscard]] Function* find(const char* name) const
    {
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) what dlsym(3) gives
        return reinterpret_cast<Function*>(address(name));
    }
    /// Throws Error{Fault::missing} if it has no such function.
    template <typename Function>
    [[nodiscard]] Function* get(const char* name) const
    {
        auto* const function = find<Function>(name);
        if (function == nullptr) {
            refuse(name);
        }
        return function;
    }

private:
    [[nodiscard]] void* address(const char* name) const;
    [[noreturn]] void refuse(const char* name) const;

    std::string m_product;
    void* m_handle;
};

} // namespace fiona
