// SPDX-License-Identifier: MIT
#include "libfiona/base/shared_library.h"

#include "libfiona/base/error.h"

#include <dlfcn.h>

namespace fiona {

SharedLibrary::SharedLibrary(const char* name, std::string product, const char* package)
    : m_product{std::move(product)}, m_handle{::dlopen(name, RTLD_LAZY | RTLD_LOCAL)}
{
    if (m_handle == nullptr) {
        throw Error{Fault::missing, "{} is not installed: install {}", m_product, package};
    }
}

void* SharedLibrary::address(const char* name) const
{
    return ::dlsym(m_handle, name);
}

void SharedLibrary::refuse(const char* name) const
{
    throw Error{Fault::missing, "{} has no function {}", m_product, name};
}

} // namespace fiona
